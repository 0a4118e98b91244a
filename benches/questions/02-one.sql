-- Mean age of men and women
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex, COUNT(*) AS persons, AVG(AGE_AT(birth_ym, DATE '2025-03-31')) AS age
FROM person
GROUP BY sex;
-- exact, by hand
SELECT sex, count(*) AS persons, avg(date_diff('month', birth_ym, DATE '2025-03-31') // 12) FROM person GROUP BY sex
