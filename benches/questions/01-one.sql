-- Insured persons by sex and age band
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex, RANGE_BUCKET(AGE_AT(birth_ym, DATE '2025-03-31'), [10, 20, 30, 40, 50, 60, 70, 75]) AS age, COUNT(*) AS persons
FROM person
GROUP BY sex, age;
-- exact, by hand
SELECT sex, CASE WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 10 THEN 0 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 20 THEN 1 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 30 THEN 2 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 40 THEN 3 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 50 THEN 4 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 60 THEN 5 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 70 THEN 6 WHEN date_diff('month', birth_ym, DATE '2025-03-31') // 12 < 75 THEN 7 ELSE 8 END AS age, count(*) AS persons FROM person GROUP BY ALL
