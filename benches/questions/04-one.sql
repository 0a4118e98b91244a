-- Persons by decade of birth
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  RANGE_BUCKET(birth_ym, [DATE '1950-01-01', DATE '1960-01-01', DATE '1970-01-01', DATE '1980-01-01', DATE '1990-01-01']) AS cohort, COUNT(*) AS persons
FROM person
GROUP BY cohort;
-- exact, by hand
SELECT CASE WHEN birth_ym < DATE '1950-01-01' THEN 0 WHEN birth_ym < DATE '1960-01-01' THEN 1 WHEN birth_ym < DATE '1970-01-01' THEN 2 WHEN birth_ym < DATE '1980-01-01' THEN 3 WHEN birth_ym < DATE '1990-01-01' THEN 4 ELSE 5 END AS cohort, count(*) AS persons FROM person GROUP BY ALL
