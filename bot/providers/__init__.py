"""Fine-tuning APIs: what to ask (`wire`, `openai`), and the one door through which it is asked (`client`)."""
