/** JSON as the files of a folder hold it. */
export const jsonText = (value: unknown): string => JSON.stringify(value, null, 2) + "\n";
