// Four numbers side by side of a row of q, k or v, from column d on. Needs bindings of these names, and `params` with head_size.
//#if VECTOR
fn q4(start: u32, d: u32) -> vec4<f32> { return q[(start + d) / 4u]; }
fn k4(start: u32, d: u32) -> vec4<f32> { return k[(start + d) / 4u]; }
fn v4(start: u32, d: u32) -> vec4<f32> { return v[(start + d) / 4u]; }
//#endif
//#if SCALAR
// Four numbers of a head, with zeros past its end.
fn inside(d: u32, x: vec4<f32>) -> vec4<f32> {
  return select(vec4<f32>(), x, vec4<u32>(d, d + 1u, d + 2u, d + 3u) < vec4<u32>(params.head_size));
}
fn q4(start: u32, d: u32) -> vec4<f32> {
  let i = start + d;
  return inside(d, vec4<f32>(q[i], q[i + 1u], q[i + 2u], q[i + 3u]));
}
fn k4(start: u32, d: u32) -> vec4<f32> {
  let i = start + d;
  return inside(d, vec4<f32>(k[i], k[i + 1u], k[i + 2u], k[i + 3u]));
}
fn v4(start: u32, d: u32) -> vec4<f32> {
  let i = start + d;
  return inside(d, vec4<f32>(v[i], v[i + 1u], v[i + 2u], v[i + 3u]));
}
//#endif
