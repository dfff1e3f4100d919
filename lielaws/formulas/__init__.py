"""From counts over a family of architectures to the closed form behind them, exactly."""
