export const nothing: string = "to run";
