-- How does HbA1c move with daily walking?
WITH walking AS (
  SELECT person_id, AVG(steps) AS mean_steps
  FROM lifelog_daily
  WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31'
  GROUP BY person_id
  HAVING COUNT(*) >= 60),
latest AS (
  SELECT person_id, MAX_BY(hba1c, exam_date) AS hba1c
  FROM checkup
  GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  RANGE_BUCKET(mean_steps, [4000, 6000, 8000, 10000]) AS step_band,
  COUNT(*) AS persons,
  AVG(hba1c, contribution_bounds_per_group => (4.5, 8.0)) AS hba1c
FROM walking JOIN latest USING (person_id)
GROUP BY step_band
