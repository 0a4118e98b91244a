-- Mean monthly points in 年度 2024, by sex
WITH cost AS (
  SELECT person_id, AVG(points) AS points FROM claim WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex, COUNT(*) AS persons, AVG(points, contribution_bounds_per_group => (0, 20000)) AS points
FROM cost JOIN person USING (person_id)
GROUP BY sex;
-- exact, by hand
SELECT sex, count(*) AS persons, avg(points) FROM (SELECT pid, avg(points) AS points FROM claim WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY pid) JOIN person USING (pid) GROUP BY sex
