-- Blood pressure of treated and untreated persons
WITH treated AS (
  SELECT person_id, COUNT(*) AS n FROM diagnosis WHERE icd10 LIKE 'I10%' AND NOT suspected GROUP BY person_id),
latest AS (
  SELECT person_id, MAX_BY(sbp, exam_date) AS sbp FROM checkup GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  n IS NOT NULL AS treated, COUNT(*) AS persons, AVG(sbp) AS sbp
FROM latest LEFT JOIN treated USING (person_id)
GROUP BY treated;
-- exact, by hand
SELECT n IS NOT NULL AS treated, count(*) AS persons, avg(sbp) FROM (SELECT pid, arg_max(sbp, exam_date) AS sbp FROM checkup GROUP BY pid) LEFT JOIN (SELECT pid, count(*) AS n FROM diagnosis WHERE icd10 LIKE 'I10%' AND NOT suspected GROUP BY pid) USING (pid) GROUP BY ALL
