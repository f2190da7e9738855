"""What people are told in a night, beside what every run tells."""
