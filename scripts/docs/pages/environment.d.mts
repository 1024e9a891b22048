export const READ: Record<string, string>;
export const SET: Record<string, string>;
