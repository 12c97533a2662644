"""The outside that is not our database: other people's files and databases, read and written, decided nothing."""
