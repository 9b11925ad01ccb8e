/**
 * How PostgreSQL's values come and go: the same as SQLite's.
 *
 * @module
 */

/** Type numbers of PostgreSQL (pg_type.oid). */
const oids = { bool: 16, bytea: 17, int8: 20, numeric: 1700 };

/** @throws {RangeError} when the number is whole and above 2^53. */
function parseNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RangeError(`Cannot read the number ${text}: expected at most 2^53 - 1`);
  }
  return value;
}

const unchanged = (value: unknown) => `${value}`;

/** Parsers and serializers for the `postgres` package. */
export const postgresTypes = {
  // COUNT is an int8; SUM and AVG of whole numbers are numeric.
  int8: { to: oids.int8, from: [oids.int8], serialize: unchanged, parse: parseNumber },
  numeric: { to: oids.numeric, from: [oids.numeric], serialize: unchanged, parse: parseNumber },
  bool: {
    to: oids.bool,
    from: [oids.bool],
    serialize: unchanged,
    parse: (text: string) => text === "t" ? 1 : 0,
  },
  bytea: {
    to: oids.bytea,
    from: [oids.bytea],
    serialize: (bytes: Uint8Array) => `\\x${bytes.toHex()}`,
    parse: (text: string) => Uint8Array.fromHex(text.slice(2)),
  },
};
