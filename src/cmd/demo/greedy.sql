-- Harmless to look at, but at a price that the project's budget does not hold.
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 3)
  sex, COUNT(*) AS persons
FROM person
GROUP BY sex
