-- Mean daily steps by sex and month
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex, DATE_TRUNC(date, MONTH) AS m, AVG(steps, contribution_bounds_per_group => (0, 30000)) AS steps
FROM lifelog_daily JOIN person USING (person_id)
WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31'
GROUP BY sex, m;
-- exact, by hand
SELECT sex, date_trunc('month', date) AS m, {persons} AS persons, avg(steps) FROM lifelog_daily JOIN person USING (pid) WHERE date BETWEEN DATE '2024-04-01' AND DATE '2025-03-31' GROUP BY ALL
