"""Fine-tuning APIs: pure dialects (`openai`, `azure`, `together`, `fireworks`) and the one HTTP client (`client`)."""
