-- Points by daily steps; no claim is zero
WITH walking AS (
  SELECT person_id, AVG(steps) AS steps FROM lifelog_daily WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY person_id HAVING COUNT(*) >= 60),
cost AS (
  SELECT person_id, SUM(points) AS points FROM claim WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  RANGE_BUCKET(steps, [4000, 6000, 8000, 10000]) AS band, COUNT(*) AS persons, AVG(IFNULL(points, 0), contribution_bounds_per_group => (0, 300000)) AS points
FROM walking LEFT JOIN cost USING (person_id)
GROUP BY band;
-- exact, by hand
SELECT CASE WHEN steps < 4000 THEN 0 WHEN steps < 6000 THEN 1 WHEN steps < 8000 THEN 2 WHEN steps < 10000 THEN 3 ELSE 4 END AS band, count(*) AS persons, avg(coalesce(points, 0)) FROM (SELECT pid, round(avg(steps)) AS steps FROM lifelog_daily WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY pid HAVING count(*) >= 60) LEFT JOIN (SELECT pid, sum(points) AS points FROM claim WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY pid) USING (pid) GROUP BY ALL
