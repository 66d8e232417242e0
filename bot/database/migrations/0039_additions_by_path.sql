-- Whether a file of the library was brought by an addition is asked by its path.

CREATE INDEX addition_by_path ON addition (path) WHERE state = 'added';
