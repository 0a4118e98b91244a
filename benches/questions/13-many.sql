-- Claims and points by month
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  DATE_TRUNC(month, MONTH) AS m, COUNT(*, contribution_bounds_per_group => (0, 3)) AS claims, SUM(points, contribution_bounds_per_group => (0, 20000)) AS points
FROM claim
WHERE month BETWEEN DATE '2022-04-01' AND DATE '2025-03-01'
GROUP BY m;
-- exact, by hand
SELECT month, {persons} AS persons, count(*), sum(points) FROM claim WHERE month BETWEEN DATE '2022-04-01' AND DATE '2025-03-01' GROUP BY month
