/** Types of style sheet imports, which vite resolves. */
declare module '*.css';
