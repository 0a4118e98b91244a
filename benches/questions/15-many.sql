-- Claims by type and setting, a year
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_groups_contributed = 5)
  type, setting, COUNT(*, contribution_bounds_per_group => (0, 12)) AS claims, SUM(days, contribution_bounds_per_group => (0, 100)) AS days
FROM claim
WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31'
GROUP BY type, setting;
-- exact, by hand
SELECT type, setting, {persons} AS persons, count(*), sum(days) FROM claim WHERE month BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY ALL
