// Counts above 65,535 workgroups are folded into y; this undoes it.
fn workgroup_number(group: vec3<u32>, groups: vec3<u32>) -> u32 {
  return group.x + group.y * groups.x;
}
