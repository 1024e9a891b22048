/** Current time, updated once a second, for ages and countdowns. It stops while the page is hidden. */
import { signal } from '@preact/signals';

export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) now.value = Date.now();
});
