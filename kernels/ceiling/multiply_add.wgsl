// sum = sum·x + x, over and over in registers: no kernel does more multiply-adds a second.
// operand: [1], x.  result: [invocations].
// An invocation computes 8 sums that do not wait for one another, 16 multiply-adds each a turn.

@group(0) @binding(INDEX) var<storage, read> operand: array<f32>;
@group(0) @binding(INDEX) var<storage, read_write> result: array<f32>;

struct Params {
  turns: u32,
}
@group(0) @binding(INDEX) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let x = vec4f(operand[0]);
  var a = x;
  var b = x + f32(id.x & 1u);
  for (var turn = 0u; turn < params.turns; turn++) {
    a = fma(a, x, x); b = fma(b, x, x); a = fma(a, x, x); b = fma(b, x, x);
    a = fma(a, x, x); b = fma(b, x, x); a = fma(a, x, x); b = fma(b, x, x);
    a = fma(a, x, x); b = fma(b, x, x); a = fma(a, x, x); b = fma(b, x, x);
    a = fma(a, x, x); b = fma(b, x, x); a = fma(a, x, x); b = fma(b, x, x);
    a = fma(a, x, x); b = fma(b, x, x); a = fma(a, x, x); b = fma(b, x, x);
    a = fma(a, x, x); b = fma(b, x, x); a = fma(a, x, x); b = fma(b, x, x);
    a = fma(a, x, x); b = fma(b, x, x); a = fma(a, x, x); b = fma(b, x, x);
    a = fma(a, x, x); b = fma(b, x, x); a = fma(a, x, x); b = fma(b, x, x);
  }
  result[id.x] = dot(a + b, x);
}
