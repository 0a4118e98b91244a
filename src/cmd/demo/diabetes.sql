-- How many members were treated for type 2 diabetes in fiscal 2024, by sex and age? Everybody who is insured is in the denominator.
WITH diabetes AS (
  SELECT person_id, COUNT(*) AS months
  FROM diagnosis
  WHERE (icd10 LIKE 'E11%' OR icd10 LIKE 'E14%') AND NOT suspected
    AND month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31'
  GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex,
  RANGE_BUCKET(AGE_AT(birth_ym, DATE '2025-03-31'), [30, 40, 50, 60, 70]) AS age_band,
  COUNT(*) AS members,
  COUNT(months) AS with_diabetes
FROM person LEFT JOIN diabetes USING (person_id)
GROUP BY sex, age_band
