throw new Error("a worker that cannot start, as its test expects");
