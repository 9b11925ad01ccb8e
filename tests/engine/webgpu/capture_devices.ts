/** Access to the GPUDevices that code under test opens for itself. */

/** Runs `body`; every GPUDevice opened meanwhile is added to the list that it is given. */
export async function captureDevices<T>(body: (opened: GPUDevice[]) => Promise<T>): Promise<T> {
  const opened: GPUDevice[] = [];
  const requestDevice = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
    const device = await requestDevice.call(this, descriptor);
    opened.push(device);
    return device;
  };
  try {
    return await body(opened);
  } finally {
    GPUAdapter.prototype.requestDevice = requestDevice;
  }
}
