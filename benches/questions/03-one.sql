-- Persons of 特定健診 age (40 to 74) by sex
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex, COUNT(*) AS persons
FROM person
WHERE AGE_AT(birth_ym, DATE '2025-03-31') BETWEEN 40 AND 74
GROUP BY sex;
-- exact, by hand
SELECT sex, count(*) AS persons FROM person WHERE date_diff('month', birth_ym, DATE '2025-03-31') // 12 BETWEEN 40 AND 74 GROUP BY sex
