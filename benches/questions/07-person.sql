-- Points of a year in bands, by sex
WITH cost AS (
  SELECT person_id, SUM(points) AS points FROM claim WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex, RANGE_BUCKET(points, [50000, 100000, 150000, 200000, 250000]) AS band, COUNT(*) AS persons
FROM cost JOIN person USING (person_id)
GROUP BY sex, band;
-- exact, by hand
SELECT sex, CASE WHEN points < 50000 THEN 0 WHEN points < 100000 THEN 1 WHEN points < 150000 THEN 2 WHEN points < 200000 THEN 3 WHEN points < 250000 THEN 4 ELSE 5 END AS band, count(*) AS persons FROM (SELECT pid, sum(points) AS points FROM claim WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY pid) JOIN person USING (pid) GROUP BY ALL
