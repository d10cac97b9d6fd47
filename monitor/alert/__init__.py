"""Alert: a finding becomes one alert, its notices are written and delivered."""
