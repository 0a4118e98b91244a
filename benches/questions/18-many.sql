-- Claims in bands of points
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_groups_contributed = 5)
  RANGE_BUCKET(points, [1000, 2000, 3000, 5000, 10000, 20000]) AS band, COUNT(*, contribution_bounds_per_group => (0, 36)) AS claims
FROM claim
GROUP BY band;
-- exact, by hand
SELECT CASE WHEN points < 1000 THEN 0 WHEN points < 2000 THEN 1 WHEN points < 3000 THEN 2 WHEN points < 5000 THEN 3 WHEN points < 10000 THEN 4 WHEN points < 20000 THEN 5 ELSE 6 END AS band, {persons} AS persons, count(*) FROM claim GROUP BY ALL
