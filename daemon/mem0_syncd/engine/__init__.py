"""All of it without a clock: scanning, delivering and marking on one state folder."""
