// copy = source: no kernel moves more bytes a second.
// source, copy: [4·invocations].
// An invocation covers four elements.

@group(0) @binding(INDEX) var<storage, read> source: array<vec4f>;
@group(0) @binding(INDEX) var<storage, read_write> copy: array<vec4f>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  copy[id.x] = source[id.x];
}
