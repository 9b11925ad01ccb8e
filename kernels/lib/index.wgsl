// Counts above 65,535 workgroups are folded into y; this undoes it. Where a node is cut into several dispatches, each begins at a workgroup of its own.
//#if FIRST_WORKGROUP
@group(0) @binding(INDEX) var<uniform> first_workgroup: u32;
//#endif

fn workgroup_number(group: vec3<u32>, groups: vec3<u32>) -> u32 {
  var number: u32 = group.x + group.y * groups.x;
//#if FIRST_WORKGROUP
  number = number + first_workgroup;
//#endif
  return number;
}
