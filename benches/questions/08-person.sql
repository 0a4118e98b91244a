-- Treated for type 2 diabetes, by sex and age
WITH sick AS (
  SELECT person_id, COUNT(*) AS months FROM diagnosis
  WHERE (icd10 LIKE 'E11%' OR icd10 LIKE 'E14%') AND NOT suspected AND month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31'
  GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex, RANGE_BUCKET(AGE_AT(birth_ym, DATE '2025-03-31'), [30, 40, 50, 60, 70]) AS age, COUNT(*) AS members, COUNT(months) AS sick
FROM person LEFT JOIN sick USING (person_id)
GROUP BY sex, age;
-- exact, by hand
SELECT sex, CASE WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 30 THEN 0 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 40 THEN 1 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 50 THEN 2 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 60 THEN 3 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 70 THEN 4 ELSE 5 END AS age, count(*) AS persons, count(months) FROM person LEFT JOIN (SELECT pid, count(*) AS months FROM diagnosis WHERE (icd10 LIKE 'E11%' OR icd10 LIKE 'E14%') AND NOT suspected AND month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY pid) USING (pid) GROUP BY ALL
