-- Days with 8,000 steps and more, by month
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  DATE_TRUNC(date, MONTH) AS m, COUNTIF(steps >= 8000, contribution_bounds_per_group => (0, 31)) AS days
FROM lifelog_daily
WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31'
GROUP BY m;
-- exact, by hand
SELECT date_trunc('month', date) AS m, {persons} AS persons, count(*) FILTER (WHERE steps >= 8000) FROM lifelog_daily WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY ALL
