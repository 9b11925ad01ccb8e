/** A program of the benchmark's protocol that measures nothing: it counts its repetitions, and gives up after as many as it is told. */

const [limit] = Deno.args.map(Number);
console.log(JSON.stringify({ facts: { limit } }));
let done = 0;
for await (const _ of Deno.stdin.readable) {
  if (done === limit) throw new Error(`Cannot go on after ${limit}`);
  console.log(JSON.stringify({ seconds: ++done }));
}
