-- Checkups with HbA1c of 6.5 % and more, by 年度
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  FISCAL_YEAR(exam_date) AS year, COUNT(DISTINCT person_id) AS persons, COUNTIF(hba1c >= 6.5, contribution_bounds_per_group => (0, 2)) AS high
FROM checkup
WHERE exam_date BETWEEN DATE '2022-04-01' AND DATE '2025-03-31'
GROUP BY year;
-- exact, by hand
SELECT year(exam_date) - (month(exam_date) < 4)::INT AS year, {persons} AS persons, count(*) FILTER (WHERE hba1c >= 65) FROM checkup WHERE exam_date BETWEEN DATE '2022-04-01' AND DATE '2025-03-31' GROUP BY ALL
