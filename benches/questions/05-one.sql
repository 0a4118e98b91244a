-- Latest HbA1c by sex (one checkup a person)
WITH latest AS (
  SELECT person_id, MAX_BY(hba1c, exam_date) AS hba1c FROM checkup GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex, COUNT(*) AS persons, AVG(hba1c) AS hba1c
FROM latest JOIN person USING (person_id)
GROUP BY sex;
-- exact, by hand
SELECT sex, count(*) AS persons, avg(hba1c) FROM (SELECT pid, arg_max(hba1c, exam_date) AS hba1c FROM checkup GROUP BY pid) JOIN person USING (pid) GROUP BY sex
