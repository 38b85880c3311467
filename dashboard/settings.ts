/** Where the dashboard is mounted, with a slash at the end: its files lie in a folder below. */
export const BASE: string = new URL(/* @vite-ignore */ "../", import.meta.url).pathname;

/** Whether nothing may be changed. The server refuses it too; this only leaves out the buttons. */
export const IS_READ_ONLY: boolean = document.documentElement.dataset.readOnly !== undefined;

export const TITLE: string = document.title;
