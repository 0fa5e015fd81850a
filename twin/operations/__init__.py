"""Operations of the city as discrete-event processes on one clock: public charging."""
