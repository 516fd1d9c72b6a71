"""Its place puts the repository's root on the import path: tests import `pages` as the app does."""
