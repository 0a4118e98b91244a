-- Claims and points by type
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_groups_contributed = 5)
  type, COUNT(*, contribution_bounds_per_group => (0, 36)) AS claims, SUM(points, contribution_bounds_per_group => (0, 200000)) AS points
FROM claim
GROUP BY type;
-- exact, by hand
SELECT type, {persons} AS persons, count(*), sum(points) FROM claim GROUP BY type
