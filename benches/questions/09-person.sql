-- HbA1c by daily steps
WITH walking AS (
  SELECT person_id, AVG(steps) AS steps FROM lifelog_daily WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY person_id HAVING COUNT(*) >= 60),
latest AS (
  SELECT person_id, MAX_BY(hba1c, exam_date) AS hba1c FROM checkup GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  RANGE_BUCKET(steps, [4000, 6000, 8000, 10000]) AS band, COUNT(*) AS persons, AVG(hba1c) AS hba1c
FROM walking JOIN latest USING (person_id)
GROUP BY band;
-- exact, by hand
SELECT CASE WHEN steps < 4000 THEN 0 WHEN steps < 6000 THEN 1 WHEN steps < 8000 THEN 2 WHEN steps < 10000 THEN 3 ELSE 4 END AS band, count(*) AS persons, avg(hba1c) FROM (SELECT pid, round(avg(steps)) AS steps FROM lifelog_daily WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY pid HAVING count(*) >= 60) JOIN (SELECT pid, arg_max(hba1c, exam_date) AS hba1c FROM checkup GROUP BY pid) USING (pid) GROUP BY ALL
