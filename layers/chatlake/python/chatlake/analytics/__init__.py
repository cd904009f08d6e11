"""The project's SQL: views, named queries, the engines that run them, the report."""
