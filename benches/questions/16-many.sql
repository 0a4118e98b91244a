-- Persons by disease, a year
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_groups_contributed = 5)
  CASE WHEN icd10 LIKE 'E11%' THEN 'diabetes' WHEN icd10 LIKE 'I10%' THEN 'hypertension' WHEN icd10 LIKE 'E78%' THEN 'dyslipidaemia' WHEN icd10 LIKE 'C%' THEN 'cancer' WHEN icd10 LIKE 'J%' THEN 'respiratory' ELSE 'other' END AS disease, COUNT(DISTINCT person_id) AS persons
FROM diagnosis
WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' AND NOT suspected
GROUP BY disease;
-- exact, by hand
SELECT CASE WHEN icd10 LIKE 'E11%' THEN 0 WHEN icd10 LIKE 'I10%' THEN 1 WHEN icd10 LIKE 'E78%' THEN 2 WHEN icd10 LIKE 'C%' THEN 3 WHEN icd10 LIKE 'J%' THEN 4 ELSE 5 END AS disease, {persons} AS persons FROM diagnosis WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' AND NOT suspected GROUP BY ALL
