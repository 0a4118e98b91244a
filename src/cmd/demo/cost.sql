-- Do people who walk more cost less? Points of fiscal 2024 per person (one point is ten yen); no claim is zero.
WITH walking AS (
  SELECT person_id, AVG(steps) AS mean_steps
  FROM lifelog_daily
  WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31'
  GROUP BY person_id
  HAVING COUNT(*) >= 60),
cost AS (
  SELECT person_id, SUM(points) AS points
  FROM claim
  WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31'
  GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  RANGE_BUCKET(mean_steps, [4000, 6000, 8000, 10000]) AS step_band,
  COUNT(*) AS persons,
  AVG(IFNULL(points, 0), contribution_bounds_per_group => (0, 60000)) AS points
FROM walking LEFT JOIN cost USING (person_id)
GROUP BY step_band
