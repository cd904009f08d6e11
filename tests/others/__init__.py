"""What others do to the tables: SQL of Athena, Trino and Spark, and maintenance of tables."""
