-- Claims and points by sex and 年度
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex, FISCAL_YEAR(month) AS year, COUNT(*, contribution_bounds_per_group => (0, 12)) AS claims, SUM(points, contribution_bounds_per_group => (0, 200000)) AS points
FROM claim JOIN person USING (person_id)
WHERE month BETWEEN DATE '2022-04-01' AND DATE '2025-03-31'
GROUP BY sex, year;
-- exact, by hand
SELECT sex, year(month) - (month(month) < 4)::INT AS year, {persons} AS persons, count(*), sum(points) FROM claim JOIN person USING (pid) WHERE month BETWEEN DATE '2022-04-01' AND DATE '2025-03-31' GROUP BY ALL
