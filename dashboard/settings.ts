/** The path at which the dashboard is mounted, with a trailing slash. Its files are in a folder below. */
export const BASE: string = new URL(/* @vite-ignore */ "../", import.meta.url).pathname;

/** Whether the user may make no changes. The server refuses them too; this only hides the buttons. */
export const IS_READ_ONLY: boolean = document.documentElement.dataset.readOnly !== undefined;

export const TITLE: string = document.title;
