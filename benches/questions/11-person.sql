-- Ever in hospital, and how long, by sex
WITH stay AS (
  SELECT person_id, SUM(days) AS days FROM claim WHERE setting = 'in' GROUP BY person_id)
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1)
  sex, COUNT(*) AS persons, AVG(days, contribution_bounds_per_group => (0, 365)) AS days
FROM stay JOIN person USING (person_id)
GROUP BY sex;
-- exact, by hand
SELECT sex, count(*) AS persons, avg(days) FROM (SELECT pid, sum(days) AS days FROM claim WHERE setting = 0 GROUP BY pid) JOIN person USING (pid) GROUP BY sex
