/** Whether the browser lets this page use microphone and camera without asking. Unknown counts as no. */
export async function mayCapture(): Promise<boolean> {
  try {
    const names = ["microphone", "camera"] as PermissionName[];
    const found = await Promise.all(names.map((name) => navigator.permissions.query({ name })));
    return found.every((permission) => permission.state === "granted");
  } catch {
    return false;
  }
}
